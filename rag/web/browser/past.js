// Conversations, kept in this browser alone and within bounds; without storage they last as long as the page.

const PAST = 'leadgoose-conversations', CHOICES = 'leadgoose-choices', OPEN = 'leadgoose-open';
const MOST_CONVERSATIONS = 20, MOST_TURNS = 60, MOST_CHARS = 2_000_000;

const storage = (name) => {
  try {
    const found = window[name];
    found.setItem('leadgoose-try', '1');
    found.removeItem('leadgoose-try');
    return found;
  } catch { return null; }
};
const kept = storage('localStorage'), tab = storage('sessionStorage');
const readKept = (name) => { try { return JSON.parse(kept.getItem(name)); } catch { return null; } };

const isConversation = (it) => it && typeof it.id === 'string' && Array.isArray(it.turns) && it.turns.length > 0;
const conversations = () => {
  const found = readKept(PAST);
  return Array.isArray(found) ? found.filter(isConversation) : [];
};
const writeConversations = (list) => {
  for (let fitting = list.slice(0, MOST_CONVERSATIONS); ; fitting = fitting.slice(0, -1)) {
    const text = JSON.stringify(fitting);
    if (text.length > MOST_CHARS && fitting.length > 1) continue;
    try { kept?.setItem(PAST, text); return; } catch { if (fitting.length <= 1) return; }
  }
};

const choices = () => { const found = readKept(CHOICES); return found && typeof found === 'object' ? found : {}; };
const choose = (changed) => {
  try { kept?.setItem(CHOICES, JSON.stringify({...choices(), ...changed})); } catch { /* full: not remembered */ }
};

const fresh = (library) => ({id: crypto.getRandomValues(new Uint32Array(3)).join('-'), title: '', library, turns: [], verdicts: {}});
let current = fresh();
const openConversation = (conversation) => {
  current = {verdicts: {}, ...conversation};
  try { tab?.setItem(OPEN, current.id); } catch { /* not restored after a reload, then */ }
};
const lastOpen = () => { try { return conversations().find((it) => it.id === tab?.getItem(OPEN)); } catch { return undefined; } };

const saveCurrent = () => {
  if (!current.turns.length) return;
  current.at = Date.now();
  writeConversations([current, ...conversations().filter((it) => it.id !== current.id)]);
  openConversation(current);
};
// Turns are counted from 1 as the server counts them; of a very long conversation the first ones are let go.
const rememberTurn = (number, turn) => {
  const at = number - 1 - (current.dropped ?? 0);
  if (at < 0) return;
  current.turns[at] = turn;
  for (let i = 0; i < at; i++) current.turns[i] ??= {question: '…', answer: null, error: words.stopped ?? '…'};
  const over = current.turns.length - MOST_TURNS;
  if (over > 0) { current.turns.splice(0, over); current.dropped = (current.dropped ?? 0) + over; }
  current.title ||= String(turn.question).slice(0, 80);
  saveCurrent();
};
const rememberVerdict = (number, verdict) => { current.verdicts[number - (current.dropped ?? 0)] = verdict; saveCurrent(); };
const verdictOf = (number) => current.verdicts?.[number - (current.dropped ?? 0)];
const forget = (id) => writeConversations(conversations().filter((it) => it.id !== id));
const forgetAll = () => { try { kept?.removeItem(PAST); tab?.removeItem(OPEN); } catch { /* nothing was kept */ } };
const rename = (id, title) => {
  if (current.id === id) current.title = title;
  writeConversations(conversations().map((it) => (it.id === id ? {...it, title} : it)));
};
