// What a reader says of an answer: right, wrong, and what would be right.

let formHtml = '', picked = [], formTurn = 0;
const form = () => find('.lg-form');

const markJudged = (turn) => {
  const verdict = verdictOf(turn);
  findAll(`.lg-reply [data-judge][data-turn="${turn}"]`)
    .forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.judge === verdict)));
};
const closeForm = (focus) => {
  form()?.remove();
  picked = [];
  if (focus) find(`[data-judge="wrong"][data-turn="${formTurn}"]`)?.focus();
};
const openForm = (turn) => {
  if (form() && formTurn === turn) return;
  closeForm();
  formTurn = turn;
  const tools = find(`.lg-turn[data-at="${turn}"] .lg-reply`);
  tools?.after(parsed(formHtml));
  find('textarea', form() ?? document)?.focus();
};
const judge = (button) => {
  const turn = Number(button.dataset.turn), wanted = button.dataset.judge;
  const verdict = button.getAttribute('aria-pressed') === 'true' ? 'none' : wanted;
  trigger('judge', {turn, verdict});
  if (verdict === 'wrong') openForm(turn); else closeForm();
};
const takePassage = () => {
  const place = placeTaken(), turn = Number(panel()?.dataset.turn);
  if (!place || !turn) return;
  openForm(turn);
  picked = [...picked.filter((it) => it.start_char !== place.start_char || it.document_id !== place.document_id), place];
  const list = find('[data-picked]', form());
  list.replaceChildren(...picked.map((it) => make('q', {textContent: it.quote, dir: 'auto'})));
  form().scrollIntoView({block: 'nearest'});
  find('[type=submit]', form()).focus();
};
const sendForm = (event) => {
  event.preventDefault();
  const {answer, absent, comment} = form().elements;
  trigger('judge', {turn: formTurn, verdict: 'wrong', answer: answer.value, absent: absent.checked,
    comment: comment.value, passages: picked, sent: true});
};
const showJudged = ({turn, kept: done, verdict, note: text, sent}) => {
  if (done) rememberVerdict(turn, verdict);
  markJudged(turn);
  note(text);
  if (done && sent) closeForm(true);
};
