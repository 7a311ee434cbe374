// The conversation: turns come one by one and stay, so that a long conversation costs no more than a short one.

const putTurn = (log, number, html) => {
  const turn = parsed(html).firstElementChild, before = find(`.lg-turn[data-at="${number}"]`, log);
  if (before) { before.replaceWith(turn); return; }
  log.append(turn);
  if (log.scrollHeight > log.clientHeight) log.scrollTop = turn.offsetTop - 8;
  else turn.scrollIntoView({block: 'nearest'});
};

const showTalk = (message) => {
  const log = find('.lg-log');
  if (!message || !log) return;
  const {whole, since, turns, welcome, said} = message;
  if (whole) log.replaceChildren();
  if (welcome) log.replaceChildren(parsed(welcome));
  else find('.lg-welcome', log)?.remove();
  turns.forEach((html, i) => putTurn(log, since + i, html));
  if (message.kept) rememberTurn(since + turns.length - 1, message.kept);
  findAll('.lg-turn', log).slice(whole ? 0 : -2).forEach((turn) => markJudged(Number(turn.dataset.at)));
  pointOut();
  say(said);
};
