"use strict";
// One page for a game that is played, watched or seen again. Text becomes elements by textContent
// alone; positions are drawn from the game's own text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const kind = document.querySelector(".table").dataset.board;
  const $ = (id) => document.getElementById(id);
  const made = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  let state = data.state;
  let turns = data.turns;          // of every move that is known: seat, text, board, thought
  let shown = null;                // the step that is looked at; null: the newest
  let isSending = false;
  let from = null;                 // of a move in two taps

  const latest = () => turns.length;
  const step = () => (shown === null ? latest() : shown);
  const boardText = () => {
    const at = step();
    if (at === latest() && state.text) return state.text;
    return at === 0 ? data.text : turns[at - 1].board;
  };
  const isMine = () => !state.over && data.seat && state.seat === data.seat && shown === null;

  // ---- boards

  const marks = { X: "x", O: "o" };
  const cellButton = (mark, actions, label) => {
    const button = made("button", marks[mark] || "");
    button.type = "button";
    button.setAttribute("aria-label", label + (marks[mark] ? (mark === "X" ? ", first" : ", second") : ""));
    if (actions.length && isMine()) {
      button.classList.add("legal");
      button.dataset.action = actions[0].number;
    } else button.disabled = true;
    return button;
  };
  const legal = () => (isMine() ? state.legal : []);

  function drawFour(board, lines, before) {
    const grid = made("div", "grid four");
    grid.style.gridTemplateColumns = "repeat(7, 1fr)";
    grid.style.setProperty("--mine", data.seat === 2 ? "var(--second)" : "var(--first)");
    for (let row = 0; row < 6; row++) for (let column = 0; column < 7; column++) {
      const actions = legal().filter((each) => each.number === column);
      const button = cellButton(lines[row][column], actions, `column ${column + 1}, row ${6 - row}`);
      button.dataset.column = column;
      if (before && before[row] && before[row][column] !== lines[row][column]) button.classList.add("last");
      if (lines[row][column] !== "." && actions.length) button.classList.remove("hover");
      grid.append(button);
    }
    const hover = (column, on) => {
      const cells = [...grid.querySelectorAll(`[data-column="${column}"]`)].filter((each) => !each.classList.contains("x") && !each.classList.contains("o"));
      const lowest = cells[cells.length - 1];
      if (lowest) lowest.classList.toggle("hover", on);
    };
    for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]])
      grid.addEventListener(name, (event) => { if (event.target.dataset.column) hover(event.target.dataset.column, on); });
    board.append(grid);
  }

  function drawThree(board, lines, before) {
    const grid = made("div", "grid three");
    grid.style.gridTemplateColumns = "repeat(3, 1fr)";
    for (let row = 0; row < 3; row++) for (let column = 0; column < 3; column++) {
      const actions = legal().filter((each) => each.number === 3 * row + column);
      const mark = lines[row][column];
      const button = cellButton(mark, actions, `row ${row + 1}, column ${column + 1}`);
      if (marks[mark]) button.textContent = mark === "X" ? "×" : "○";
      if (before && before[row] && before[row][column] !== mark) button.classList.add("last");
      grid.append(button);
    }
    board.append(grid);
  }

  // Boards of letters and numbers, as chess writes them: rows "8 XO..", and a row of letters.
  function readCells(lines) {
    const letters = lines.find((line) => /^\s+[a-z]( ?[a-z])+\s*$/.test(line));
    const rows = lines.map((line) => line.match(/^\s*(\d+) ([XO.](?: ?[XO.])+)\s*$/)).filter(Boolean);
    if (!letters || rows.length < 2) return null;
    const files = letters.replace(/\s/g, "");
    const cells = rows.map((row) => ({ rank: row[1], marks: row[2].replace(/ /g, ""), isSkewed: row[2].includes(" ") }));
    return cells.every((row) => row.marks.length === files.length) ? { files, cells } : null;
  }
  const squares = (text) => [...text.matchAll(/\b([a-z])(\d+)\b/g)].map((each) => each[0]);

  function drawCells(board, read) {
    const grid = made("div", "grid cells");
    grid.style.gridTemplateColumns = `1.6rem repeat(${read.files.length}, 1fr)`;
    const bySquare = new Map();
    for (const each of legal()) for (const square of [squares(each.text)[0]])
      if (square) bySquare.set(square, [...(bySquare.get(square) || []), each]);
    const targets = from === null ? new Map() : new Map((bySquare.get(from) || []).map((each) => [squares(each.text)[1], each]));
    for (const row of read.cells) {
      grid.append(made("span", "label", row.rank));
      [...row.marks].forEach((mark, place) => {
        const square = read.files[place] + row.rank;
        const actions = targets.has(square) ? [targets.get(square)] : bySquare.get(square) || [];
        const button = cellButton(mark, actions, square);
        button.append(made("span", "disc"));
        const isStart = actions.length && !targets.has(square) && squares(actions[0].text).length > 1;
        if (isStart) { delete button.dataset.action; button.dataset.from = square; }
        if (square === from) button.classList.add("from");
        grid.append(button);
      });
    }
    grid.append(made("span", "label"));
    for (const file of read.files) grid.append(made("span", "label", file));
    board.append(grid);
    return legal().filter((each) => squares(each.text).length === 0);
  }

  function drawBoard() {
    const board = $("board"), text = boardText(), lines = text.split("\n");
    const at = step();
    const earlier = at === 0 ? null : (at === 1 ? data.text : turns[at - 2].board) || "";
    const before = earlier === null ? null : earlier.split("\n");
    board.replaceChildren();
    let rest = legal();
    const read = kind === "cells" ? readCells(lines) : null;
    if (kind === "connect_four" && lines.length >= 6) { drawFour(board, lines, before); rest = []; }
    else if (kind === "tic_tac_toe" && lines.length >= 3) { drawThree(board, lines, before); rest = []; }
    else if (read) rest = drawCells(board, read);
    else if (text) board.append(made("pre", "text", text));
    const moves = $("moves");
    moves.replaceChildren(...rest.map((each) => {
      const button = made("button", "button quiet", each.text);
      button.type = "button";
      button.dataset.action = each.number;
      return button;
    }));
  }

  // ---- what stands beside the board

  function statusText() {
    if (state.phase === "waiting") return ["Waiting for both players", ""];
    if (state.phase === "abandoned") return [`Abandoned: ${state.reason}`, ""];
    if (state.over) {
      const why = state.reason ? ` (${state.reason})` : "";
      if (!state.winner) return [`Drawn${why}`, ""];
      if (data.seat) return state.winner === data.seat ? [`You win${why}`, "won"] : [`You lose${why}`, "lost"];
      return [`${data.names[state.winner - 1]} wins${why}`, ""];
    }
    if (data.seat) return state.seat === data.seat ? ["Your move", ""] : [`${data.names[state.seat - 1]} is thinking`, ""];
    return [`${data.names[state.seat - 1]} to move`, ""];
  }

  function drawThought() {
    // The newest thought up to the step: that of a model's last move.
    let turn = null;
    for (let at = step(); at > 0 && !turn; at--) if (turns[at - 1].thought) turn = turns[at - 1];
    $("thought").hidden = !turn;
    if (!turn) return;
    const thought = turn.thought;
    const share = Math.round(50 * (1 + thought.value));
    $("value").textContent = `${data.names[turn.seat - 1]} expected ${share} % of the points when it played “${turn.text}”.`;
    $("gauge").style.width = `${turn.seat === 1 ? share : 100 - share}%`;
    const best = thought.actions.map((action, place) => ({ action, weight: thought.weights[place], text: thought.texts[place] }))
      .sort((a, b) => b.weight - a.weight).slice(0, 7);
    const most = Math.max(...best.map((each) => each.weight), 1e-9);
    $("weights").replaceChildren(...best.map((each) => {
      const row = made("tr", each.action === turn.action ? "played" : "");
      row.append(made("td", "", each.text || `action ${each.action}`));
      const cell = made("td", "bar");
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 100 8");
      svg.setAttribute("preserveAspectRatio", "none");
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      bar.setAttribute("width", String(100 * each.weight / most));
      bar.setAttribute("height", "8");
      svg.append(bar);
      cell.append(svg);
      row.append(cell, made("td", "num", `${(100 * each.weight).toFixed(1)} %`));
      return row;
    }));
    $("simulations").textContent = thought.simulations
      ? `Shares of ${thought.simulations} simulations.` : "Probabilities of its policy, without a search.";
  }

  function drawLog() {
    const log = $("log");
    while (log.children.length > turns.length) log.lastChild.remove();
    for (let at = log.children.length; at < turns.length; at++) {
      const item = made("li");
      item.append(made("span", `stone s${turns[at].seat}`), turns[at].text || "a move that is not shown");
      log.append(item);
    }
    [...log.children].forEach((item, place) => item.classList.toggle("now", place + 1 === step()));
    if (shown === null) log.scrollTop = log.scrollHeight;
  }

  function drawClocks() {
    for (const seat of document.querySelectorAll(".seat")) {
      const moves = !state.over && state.phase === "running" && Number(seat.dataset.seat) === state.seat;
      seat.classList.toggle("on", moves || state.over);
      const left = Math.max(0, Math.ceil(state.deadline - Date.now() / 1000));
      seat.querySelector(".clock").textContent = moves && state.deadline ? `${left} s` : "";
    }
  }

  function draw() {
    const [text, className] = statusText();
    $("status").textContent = text;
    $("status").className = `status ${className}`;
    document.title = `${text} · ${data.league}`;
    drawBoard();
    drawThought();
    drawLog();
    drawClocks();
    const again = $("again");
    if (again) again.hidden = !state.over;
    const steps = $("steps");
    steps.hidden = !(state.over && latest() > 0 && turns.every((each) => each.board));
    $("step").max = latest();
    $("step").value = step();
  }

  // ---- what happens

  function take(next) {
    const known = turns.length;
    if (next.turn === known + 1 && next.last) turns.push(next.last);
    else if (next.turn > known) { location.reload(); return; }   // moves were missed: read them all
    // The same position may come again while a move is on its way; that move is still the only one.
    if (next.turn > state.turn || next.over) isSending = false;
    state = next;
    from = null;
    $("problem").hidden = true;
    draw();
  }

  async function play(action) {
    if (isSending || !isMine()) return;
    isSending = true;
    try {
      const answer = await fetch(`${location.pathname}/actions`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ turn: state.turn, action }),
      });
      if (!answer.ok) throw new Error((await answer.json()).problem);
      const next = await answer.json();
      if (next.turn > state.turn || next.over) take(next);
    } catch (error) {
      isSending = false;
      $("problem").textContent = error.message || "The league cannot be reached; try again.";
      $("problem").hidden = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.from) { from = from === button.dataset.from ? null : button.dataset.from; draw(); }
    else if (button.dataset.action) play(Number(button.dataset.action));
    else if (button.dataset.step) {
      const to = { first: 0, back: step() - 1, on: step() + 1, last: latest() }[button.dataset.step];
      shown = Math.max(0, Math.min(latest(), to));
      draw();
    }
  });
  $("step").addEventListener("input", (event) => { shown = Number(event.target.value); draw(); });

  function follow() {
    const source = new EventSource(`${location.pathname}/events?turn=${turns.length}`);
    source.addEventListener("state", (event) => {
      const next = JSON.parse(event.data);
      if (next.turn < state.turn && !next.over) return;
      take(next);
      if (next.over) source.close();
    });
    source.addEventListener("end", () => source.close());
  }

  draw();
  if (!state.over) {
    follow();
    setInterval(drawClocks, 500);
  }
})();
