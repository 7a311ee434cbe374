// Ties the parts to the page: clicks and keys in, messages of the server out.

const DO = {new: startNew, past: () => showPast(), keys: showKeys, cancel: () => closeForm(true)};
listen('click', (event) => {
  const button = event.target.closest?.('button');
  if (!button?.closest('#lg-header, #lg-conversation, #lg-panel')) return;
  const {turn, number, example, back, judge: verdict, export: saved, do: act, step: direction, take} = button.dataset;
  if (direction) step(direction, true);
  else if (verdict) judge(button);
  else if (saved) trigger('export', {turn: Number(turn), form: saved});
  else if (number) trigger('choose', {turn, number});
  else if (example) trigger('example', {index: Number(example)});
  else if (back !== undefined) backToAnswer();
  else if (take !== undefined) takePassage();
  else DO[act]?.();
});
// A button must not take the selection away before it is read.
listen('mousedown', (event) => { if (event.target.closest?.('[data-take]')) event.preventDefault(); });
listen('selectionchange', noteSelection);
listen('keydown', pressKey);
listen('submit', (event) => { if (event.target.matches?.('.lg-form')) sendForm(event); });
listen('change', ({target}) => {
  const chosen = target.dataset?.choose;
  if (!chosen) return;
  choose({[chosen]: target.value});
  if (chosen === 'library') openConversation(fresh(target.value));
  closeForm();
  enter('leave', chosen === 'library' ? [] : current.turns);
});
listen('lg-talk', ({detail}) => showTalk(detail));
listen('lg-panel', ({detail}) => showPanel(detail));
watch('value', () => ON_WIRE[props.value?.kind]?.(props.value));

// The parts of the page come up one after the other; what is to be shown needs all of them.
const begin = () => {
  if (alive.aborted) return;
  if (!find('.lg-log') || !panel() || !find('#lg-header header')) { setTimeout(begin, 10); return; }
  openConversation(lastOpen() ?? fresh());
  enter('enter', current.turns);
};
begin();
