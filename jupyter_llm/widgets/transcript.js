/** The turns of a conversation: code to copy, questions to edit, an answer that grows. */

function node(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function button(label, title, onClick) {
  const element = node('button', 'llm-small', label);
  element.type = 'button';
  element.title = title;
  element.setAttribute('aria-label', title);
  element.addEventListener('click', onClick);
  return element;
}

/** Copy where the page may; elsewhere select `shown`, so that Ctrl+C copies it. */
async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch {
    const range = document.createRange();
    range.selectNodeContents(shown);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand('copy') ? 'Copied' : 'Press Ctrl+C';
  }
}

/** What a model thought before it answered, to be opened by who wants to read it. */
function thoughts({ reasoning }) {
  return reasoning
    ? [node('details', 'llm-thoughts', node('summary', '', 'Reasoning'), node('p', '', reasoning))]
    : [];
}

function copyButton(title, text, shown) {
  const element = button('Copy', title, async () => {
    element.textContent = await copy(text, shown);
    setTimeout(() => (element.textContent = 'Copy'), 2000);
  });
  return element;
}

/** The notebook around the widget; JupyterLab and Notebook have it, other pages do not. */
function notebookOf(model) {
  const notebook = model.widget_manager?.context?.model?.sharedModel;
  return typeof notebook?.insertCell === 'function' ? notebook : null;
}

function insertBelow(notebook, element, source) {
  const shown = element.closest('[data-windowed-list-index]');
  const index = shown ? Number(shown.dataset.windowedListIndex) + 1 : notebook.cells.length;
  notebook.insertCell(index, { cell_type: 'code', source });
}

function addCodeButtons(model, body) {
  const notebook = notebookOf(model);
  for (const pre of body.querySelectorAll('pre')) {
    const code = pre.textContent.replace(/\n$/, '');
    const buttons = node('div', 'llm-code-buttons', copyButton('Copy the code', code, pre));
    if (notebook) {
      const title = 'Put the code into a new cell below';
      buttons.append(button('New cell', title, () => insertBelow(notebook, pre, code)));
    }
    pre.replaceWith(node('div', 'llm-code', pre.cloneNode(true), buttons));
  }
}

function render({ model, el }) {
  const log = node('div', 'llm-turns');
  log.setAttribute('role', 'log');
  const growing = node('div', 'llm-turn llm-assistant');
  growing.setAttribute('aria-busy', 'true');
  const scroller = node('div', 'llm-scroller', log, growing);
  scroller.tabIndex = 0;
  scroller.setAttribute('role', 'region');
  el.append(scroller);

  /** Change what is shown, and stay at the end if that is where the reader is. */
  function changing(change) {
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    change();
    if (atEnd) {
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  function edit(turn, element) {
    const area = node('textarea', 'llm-edit');
    area.value = turn.text;
    area.setAttribute('aria-label', 'Edit the question');
    area.dataset.lmSuppressShortcuts = 'true';
    const send = () => {
      if (area.value.trim()) {
        model.send({ type: 'resend', id: turn.id, text: area.value.trim() });
      }
    };
    const leave = () => element.replaceWith(elementOf(turn));
    area.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      } else if (event.key === 'Escape') {
        leave();
      }
    });
    element.replaceChildren(
      area,
      button('Send again', 'Send the edited question; what came after it is forgotten', send),
      button('Cancel', 'Leave the question as it was', leave)
    );
    area.focus();
  }

  function elementOf(turn) {
    const body = node('div', 'llm-body');
    body.innerHTML = turn.html;
    const element = node('div', `llm-turn llm-${turn.role}`, ...thoughts(turn), body);
    element.dataset.turn = turn.id;
    element.setAttribute('aria-label', turn.role === 'user' ? 'You' : 'Model');
    element.setAttribute('role', turn.failed ? 'alert' : 'group');
    element.classList.toggle('llm-failed', turn.failed);
    const foot = node('div', 'llm-foot');
    if (turn.status) {
      foot.append(node('small', 'llm-status', turn.status));
    }
    if (turn.role === 'user' && model.get('can_edit')) {
      foot.append(button('Edit', 'Edit the question and send it again', () => edit(turn, element)));
    }
    if (turn.role === 'assistant') {
      if (!turn.failed) {
        addCodeButtons(model, body);
        foot.append(copyButton('Copy the answer', turn.text, body));
      }
      if (model.get('can_edit')) {
        const again = () => model.send({ type: 'regenerate' });
        const repeat = button('Again', 'Ask the same question again', again);
        repeat.classList.add('llm-again');
        foot.append(repeat);
      }
    }
    element.append(foot);
    return element;
  }

  function showTurns() {
    const turns = model.get('turns');
    const shown = new Map([...log.children].map(child => [child.dataset.turn, child]));
    changing(() => {
      log.replaceChildren(...turns.map(turn => shown.get(String(turn.id)) ?? elementOf(turn)));
    });
  }

  function showGrowing() {
    const { html, reasoning, status } = model.get('growing');
    changing(() => {
      growing.hidden = status === undefined;
      const body = node('div', 'llm-body');
      body.innerHTML = html ?? '';
      const isOpen = growing.querySelector('details')?.open ?? false;
      const thinking = thoughts({ reasoning });
      thinking.forEach(element => (element.open = isOpen));
      growing.replaceChildren(...thinking, body, node('small', 'llm-status', status ?? ''));
    });
  }

  function showFrame() {
    scroller.style.maxHeight = model.get('height');
    scroller.setAttribute('aria-label', model.get('label'));
  }

  model.on('change:turns', showTurns);
  model.on('change:growing', showGrowing);
  model.on('change:height', showFrame);
  model.on('change:label', showFrame);
  showFrame();
  showTurns();
  showGrowing();
}

export default { render };
