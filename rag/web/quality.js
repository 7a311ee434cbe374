// Goes behind documents.js: moves the ring along the curve, and the figures with it, while the slider is moved.

const PLOT = {left: 46, right: 346, top: 16, bottom: 206};
const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : '–');

element.addEventListener('input', (event) => {
  if (event.target.name !== 'threshold') return;
  const panel = event.target.closest('.lg-threshold'), step = Math.round(event.target.value * 100);
  const questions = Number(panel.dataset.questions);
  const [answered, wrong, refused, lost] = JSON.parse(panel.dataset.points)[step];
  const figures = {risk: percent(wrong, answered), coverage: percent(answered, questions), wrong, refused, lost};
  panel.querySelector('output').textContent = (step / 100).toFixed(2);
  for (const [key, value] of Object.entries(figures)) panel.querySelector(`[data-figure=${key}]`).textContent = value;
  const keep = panel.querySelector('.lg-keep');
  if (keep) keep.dataset.threshold = step;
  const ring = panel.querySelector('circle.chosen'), highest = Number(panel.querySelector('.lg-curve').dataset.highest);
  if (!answered || !ring) return;
  ring.setAttribute('cx', PLOT.left + (answered / questions) * (PLOT.right - PLOT.left));
  ring.setAttribute('cy', PLOT.bottom - Math.min(wrong / answered / highest, 1) * (PLOT.bottom - PLOT.top));
});
