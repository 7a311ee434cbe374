// Runs once in each of the two elements it belongs to, the conversation and the source panel.

const citeShown = () => {
  const {turn, number} = document.querySelector('#lg-panel .lg-sources').dataset;
  return turn && document.querySelector(`#lg-conversation [data-turn="${turn}"][data-number="${number}"]`);
};

// Either element may be rendered last, so both point out the answer's mark that the panel shows.
const pointOut = () => {
  document.querySelectorAll('.lg-cite[aria-current]').forEach((cite) => cite.removeAttribute('aria-current'));
  citeShown()?.setAttribute('aria-current', 'true');
};

const showLastTurn = (log) => {
  const turn = log.querySelector('.lg-turn:last-of-type');
  if (!turn) return;
  if (log.scrollHeight > log.clientHeight) log.scrollTop = turn.offsetTop - 8;
  else turn.scrollIntoView({block: 'nearest'});
};

const showChosen = (panel) => {
  const chosen = panel.querySelector('.lg-chosen'), text = panel.querySelector('.lg-text');
  if (!chosen || !text) return;
  const spare = Math.max(text.clientHeight - chosen.offsetHeight, 0);
  text.scrollTop = chosen.offsetTop - Math.min(spare / 2, text.clientHeight / 3);
  if (!panel.dataset.jump) return;
  chosen.focus({preventScroll: true});
  panel.scrollIntoView({block: window.innerWidth < 768 ? 'start' : 'nearest'});
};

element.addEventListener('click', (event) => {
  const {turn, number, example, back} = event.target.closest('button')?.dataset ?? {};
  if (number) trigger('choose', {turn, number});
  if (example) trigger('example', {index: example});
  const cite = back !== undefined && citeShown();
  if (cite) { cite.scrollIntoView({block: 'center'}); cite.focus(); }
});

watch('value', () => {
  pointOut();
  const log = element.querySelector('.lg-log');
  if (log) showLastTurn(log);
  else showChosen(element.querySelector('.lg-sources'));
});
