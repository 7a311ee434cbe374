// Runs once in each element of the documents page and of the quality page; what it does is asked for by data-act.

const act = (wish) => trigger('act', wish);
const picked = () => [...element.querySelectorAll('tbody input[type=checkbox]:checked')].map((box) => box.value);
let typing;

element.addEventListener('click', (event) => {
  const all = event.target.closest('[data-all]');
  if (all) element.querySelectorAll('tbody input[type=checkbox]').forEach((box) => { box.checked = all.checked; });
  const button = event.target.closest('button[data-act]');
  if (!button || button.disabled) return;
  event.preventDefault();
  const wish = {...button.dataset};
  if (wish.ids) wish.ids = JSON.parse(wish.ids);
  if (wish.act === 'remove') wish.ids = picked();
  if (wish.act === 'open') window.lgOpener = button;
  act(wish);
});

element.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typing);
  const form = event.target, {act: wanted, url} = form.dataset;
  if (url) postForm(form).then((done) => done && act({act: wanted}));
  else act({act: wanted, ...Object.fromEntries(new FormData(form))});
});

// What is refused is said in the language of the page.
const ofPage = () => ({'X-Leadgoose-Page': document.querySelector('.lg-nav')?.lang ?? 'en'});

// A form with a file goes to an address of the interface for programs; what that refuses is said beside it.
const postForm = async (form) => {
  const body = new FormData(form), line = form.querySelector('[role=alert]'), button = form.querySelector('button');
  [...body].forEach(([name, value]) => { if (value === '') body.delete(name); });
  line.hidden = true;
  button.disabled = true;
  let error;
  try {
    const answer = await fetch(form.dataset.url, {method: 'POST', body, headers: ofPage()});
    if (!answer.ok) error = (await answer.json()).error;
  } catch { error = form.dataset.lost; }
  button.disabled = false;
  line.textContent = error ?? '';
  line.hidden = !error;
  return !error;
};

element.addEventListener('change', (event) => {
  const {dataset, name, value, files, type} = event.target;
  if (type === 'file' && event.target.closest('.lg-drop') && files.length) { send([...files]); event.target.value = ''; }
  else if (event.target.matches('select[data-act]')) act({act: dataset.act, [name]: value});
});

element.addEventListener('input', (event) => {
  const {name, value, type} = event.target;
  if (type !== 'search') return;
  clearTimeout(typing);
  typing = setTimeout(() => act({act: 'look', [name]: value}), 300);
});

element.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && element.querySelector('.lg-drawer')) act({act: 'close'});
});

// --- files that are dropped or chosen, sent one after another; small ones together, since each request is one commit

const MOST_BYTES = 4e6, MOST_FILES = 10, TRIES = 10;
let waiting = [], sending = false, request;

const zone = (event) => event.target.closest?.('.lg-drop');
for (const kind of ['dragover', 'dragleave', 'drop']) {
  element.addEventListener(kind, (event) => {
    const drop = zone(event);
    if (!drop) return;
    event.preventDefault();
    drop.classList.toggle('lg-over', kind === 'dragover');
    if (kind === 'drop') send([...event.dataTransfer.files]);
  });
}

const words = () => JSON.parse(element.querySelector('.lg-drop').dataset.words);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const entry = (file) => {
  const line = document.createElement('li'), title = document.createElement('span');
  const bar = document.createElement('progress'), state = document.createElement('span');
  title.textContent = file.name;
  title.dir = 'auto';
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute('aria-label', file.name);
  state.className = 'lg-file-state';
  line.append(title, bar, state);
  element.querySelector('.lg-files').append(line);
  const one = {file, line, bar, state};
  say(one, 'waiting');
  return one;
};

const say = (one, status, reason = '') => {
  one.line.className = `lg-file lg-file-${status}`;
  one.state.textContent = reason ? `${words()[status]}: ${reason}` : words()[status];
  if (status === 'indexing') one.bar.removeAttribute('value');
  if (!['waiting', 'sending', 'indexing'].includes(status)) one.bar.remove();
};

const send = async (files) => {
  if (!files.length) return;
  if (!sending) element.querySelector('.lg-files').replaceChildren();
  waiting.push(...files.map(entry));
  if (sending) return;
  sending = true;
  const stop = document.createElement('button');
  stop.textContent = words().stop;
  stop.addEventListener('click', () => { waiting.splice(0).forEach((one) => say(one, 'stopped')); request?.abort(); });
  element.querySelector('.lg-files').before(stop);
  const ended = {};
  while (waiting.length) {
    const part = [waiting.shift()];
    let bytes = part[0].file.size;
    while (waiting.length && part.length < MOST_FILES && (bytes += waiting[0].file.size) < MOST_BYTES) part.push(waiting.shift());
    for (const status of await sendTogether(part)) ended[status] = (ended[status] ?? 0) + 1;
  }
  sending = false;
  stop.remove();
  const said = Object.entries(ended).map(([status, count]) => `${count} ${words()[status]}`).join(', ');
  element.querySelector('.lg-drop [role=status]').textContent = said;
  act({act: 'refresh'});
};

// One reason is given where none of several files could be taken: each is then asked about by itself.
const sendTogether = async (part) => {
  const {status, body} = await post(part);
  if (status === 200) {
    part.forEach((one, number) => say(one, body.files[number].status, body.files[number].reason));
    return body.files.map((file) => file.status);
  }
  if (status === -1) { part.forEach((one) => say(one, 'stopped')); return part.map(() => 'stopped'); }
  if (status > 0 && part.length > 1) {
    const found = [];
    for (const one of part) found.push(...await sendTogether([one]));
    return found;
  }
  part.forEach((one) => say(one, 'failed', body?.error ?? words().lost));
  return part.map(() => 'failed');
};

const post = async (part) => {
  for (let tried = 1; ; tried += 1) {
    const answer = await postOnce(part);
    if (![409, 429, 503].includes(answer.status) || tried === TRIES) return answer;
    await pause(answer.again);
  }
};

const postOnce = (part) => new Promise((resolve) => {
  const form = new FormData(), library = element.querySelector('.lg-drop').dataset.library;
  part.forEach((one) => { form.append('files', one.file, one.file.name); say(one, 'sending'); });
  request = new XMLHttpRequest();
  request.open('POST', `./v1/documents?library=${encodeURIComponent(library)}`);
  Object.entries(ofPage()).forEach(([name, value]) => request.setRequestHeader(name, value));
  request.upload.onprogress = ({loaded}) => {
    let before = 0;
    for (const one of part) {
      const share = Math.min(Math.max((loaded - before) / (one.file.size || 1), 0), 1);
      if (share < 1) one.bar.value = share; else say(one, 'indexing');
      before += one.file.size;
    }
  };
  request.upload.onload = () => part.forEach((one) => say(one, 'indexing'));
  request.onerror = () => resolve({status: 0});
  request.onabort = () => resolve({status: -1});
  request.onload = () => {
    let body;
    try { body = JSON.parse(request.responseText); } catch { body = undefined; }
    resolve({status: request.status, body, again: Number(request.getResponseHeader('Retry-After')) || 1});
  };
  request.send(form);
});

// --- what was opened is where the reader is, until it is closed

watch('value', () => {
  const drawer = element.querySelector('.lg-drawer');
  if (drawer) drawer.focus();
  else if (element.matches('#lg-doc-text') || element.closest('#lg-doc-text')) window.lgOpener?.focus?.();
});
