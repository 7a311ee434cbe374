// What stands around the conversation: choices, past conversations, keys, files and the clipboard.

const dialog = (name, ...content) => {
  find('dialog.lg-dialog')?.remove();
  const close = make('button', {textContent: words.close, onclick: () => shown.close()});
  const shown = make('dialog', {className: 'lg-dialog'}, ...content, make('p', {className: 'lg-row'}, close));
  shown.setAttribute('aria-label', name);
  shown.addEventListener('close', () => shown.remove());
  find('#lg-header').append(shown);
  shown.showModal();
  return shown;
};

const enter = (name, turns) => trigger(name, {language: choices().language ?? navigator.language,
  library: current.library ?? choices().library, turns});
const startNew = () => {
  closeForm();
  openConversation(fresh(current.library));
  trigger('restart');
};
const reopen = (conversation) => {
  closeForm();
  openConversation({...conversation, dropped: 0});
  enter('leave', conversation.turns);
};

const pastRow = (conversation) => {
  const title = conversation.title || words.untitled;
  const day = new Date(conversation.at || 0).toLocaleString(document.documentElement.lang);
  const name = make('button', {className: 'lg-open', textContent: title, dir: 'auto', title: words.open});
  const row = make('li', {}, name, make('span', {className: 'lg-facts', textContent: day}));
  const button = (text, onclick) => {
    const made = make('button', {textContent: text, onclick});
    made.setAttribute('aria-label', `${text}: ${title}`);
    row.append(made);
  };
  name.onclick = () => { find('dialog.lg-dialog').close(); reopen(conversation); };
  button(words.rename, () => {
    const input = make('input', {value: title, maxLength: 80, dir: 'auto'});
    input.setAttribute('aria-label', words.rename);
    // Leaving it and the Enter key are both a change of it.
    input.addEventListener('change', () => {
      rename(conversation.id, input.value.trim() || title);
      setTimeout(showPast);
    });
    name.replaceWith(input);
    input.focus();
  });
  button(words.delete, () => {
    forget(conversation.id);
    if (conversation.id === current.id) startNew();
    showPast();
  });
  return row;
};
const showPast = () => {
  const rows = conversations().map(pastRow);
  const list = rows.length ? make('ul', {className: 'lg-past'}, ...rows) : make('p', {textContent: words.past_none});
  const save = (form) => make('button', {textContent: words[form], onclick: () => trigger('export', {turn: 0, form})});
  const whole = make('p', {className: 'lg-row'}, words.whole, save('markdown'), save('json'));
  const all = make('button', {textContent: words.delete_all, onclick: () => { forgetAll(); startNew(); showPast(); }});
  const content = [make('h2', {textContent: words.past}), make('p', {textContent: kept ? words.past_where : words.past_off})];
  if (current.turns.length) content.push(whole);
  dialog(words.past, ...content, list, ...(rows.length ? [make('p', {className: 'lg-row'}, all)] : []));
};

let keysHtml = '';
const showKeys = () => {
  const shown = dialog(words.keys, parsed(keysHtml)), box = find('[data-keys]', shown);
  box.checked = choices().keys !== false;
  box.onchange = () => choose({keys: box.checked});
};

const showPage = (message) => {
  words = message.words;
  formHtml = message.form;
  keysHtml = message.keys;
  current.library = message.library;
  find('#lg-nav nav')?.replaceWith(parsed(message.nav));
  find('#lg-header header').replaceWith(parsed(message.header));
  document.documentElement.lang = message.language === 'zh' ? 'zh-Hans' : message.language;
  find('.lg-log').setAttribute('aria-label', words.conversation);
  note(message.note);
  if (message.suggest) trigger('suggest');
};

const saveFile = ({name, type, text}) => {
  const url = URL.createObjectURL(new Blob([text], {type: `${type};charset=utf-8`}));
  make('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  note(filled(words.saved, name));
};
// Where a page is not served over a safe connection browsers offer no clipboard, but still the way before it.
const copyText = async ({text}) => {
  try {
    await navigator.clipboard.writeText(text);
    note(words.copied);
  } catch {
    const area = make('textarea', {value: text, className: 'lg-hidden'});
    document.body.append(area);
    area.select();
    note(document.execCommand('copy') ? words.copied : words.not_copied);
    area.remove();
  }
};
const showWelcome = ({html}) => { find('.lg-log .lg-welcome')?.replaceWith(parsed(html)); };

const ON_WIRE = {page: showPage, welcome: showWelcome, note: (message) => note(message.note), judged: showJudged,
  file: saveFile, copy: copyText};
