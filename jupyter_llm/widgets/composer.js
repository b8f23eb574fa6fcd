/** A text area that Enter sends and Escape stops. */

function button(label, title, onClick) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = label;
  element.title = title;
  element.className = 'llm-button';
  element.addEventListener('click', onClick);
  return element;
}

function render({ model, el }) {
  const area = document.createElement('textarea');
  area.rows = 3;
  area.className = 'llm-prompt';
  // JupyterLab would take Enter with a modifier for a command of the notebook
  area.dataset.lmSuppressShortcuts = 'true';
  const send = button('Send', 'Send (Enter)', submit);
  const stop = button('Stop', 'Stop the answer (Escape)', interrupt);
  const buttons = document.createElement('div');
  buttons.className = 'llm-buttons';
  buttons.append(send, stop);
  el.classList.add('llm-composer');
  el.append(area, buttons);

  function submit() {
    if (area.value.trim() && !model.get('busy')) {
      model.send({ type: 'send', text: area.value });
      area.value = '';
    }
    area.focus();
  }

  function interrupt() {
    model.send({ type: 'stop' });
    area.focus();
  }

  function update() {
    const busy = model.get('busy');
    area.placeholder = area.ariaLabel = model.get('label');
    send.hidden = busy;
    stop.hidden = !busy;
  }

  area.addEventListener('keydown', event => {
    event.stopPropagation();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && model.get('busy')) {
      interrupt();
    }
  });
  model.on('change:busy', update);
  model.on('change:label', update);
  update();
}

export default { render };
