// Keys: of single letters where nobody types, unless they are switched off (WCAG 2.2, 2.1.4); with Alt everywhere.

const pressKey = (event) => {
  if (!find('.lg-log')?.checkVisibility() || event.defaultPrevented || event.isComposing) return;
  const {key, altKey, ctrlKey, metaKey, target} = event;
  if (altKey && !ctrlKey && (key === 'ArrowUp' || key === 'ArrowDown')) {
    event.preventDefault();
    step(key === 'ArrowUp' ? 'previous' : 'next');
  } else if (key === 'Escape' && !find('dialog[open]')) {
    if (form()?.contains(target)) closeForm(true);
    else if (panel()?.contains(target)) backToAnswer();
  } else if (!altKey && !ctrlKey && !metaKey && !isTyping(target) && !find('dialog[open]') && choices().keys !== false) {
    const act = {'/': () => find('#lg-composer textarea')?.focus(), '[': () => step('previous'), ']': () => step('next'),
      '?': showKeys}[key];
    if (act) { event.preventDefault(); act(); }
  }
};
