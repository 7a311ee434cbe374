'use strict';
// Without this script every question is listed, closed; with it they can be filtered.
const one = (id) => document.getElementById(id);
const examples = [...document.querySelectorAll('.example')].map((element) => ({
  element,
  stage: element.dataset.stage,
  tags: element.dataset.tags.split('\n'),
  text: element.textContent.toLowerCase().replace(/\s+/g, ' '),
}));

const filter = () => {
  const stage = one('by-stage').value, tag = one('by-tag')?.value ?? '';
  const words = one('by-text').value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const example of examples) {
    const fits = (!stage || example.stage === stage) && (!tag || example.tags.includes(tag))
      && words.every((word) => example.text.includes(word));
    example.element.hidden = !fits;
    shown += fits;
  }
  one('shown').textContent = `${shown} of ${examples.length} shown`;
};

const openAll = () => {
  const shown = examples.filter(({element}) => !element.hidden), open = shown.some(({element}) => !element.open);
  shown.forEach(({element}) => { element.open = open; });
  one('open-all').textContent = open ? 'Close all' : 'Open all';
};

// A link to a question opens it, whatever is filtered.
const openLinked = () => {
  const linked = one(location.hash.slice(1));
  if (!linked?.matches('.example')) return;
  linked.hidden = false;
  linked.open = true;
  linked.scrollIntoView();
};

one('filter').hidden = false;
['by-stage', 'by-tag', 'by-text'].forEach((id) => one(id)?.addEventListener('input', filter));
one('open-all').addEventListener('click', openAll);
addEventListener('hashchange', openLinked);
filter();
openLinked();
