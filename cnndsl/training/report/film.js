for (const film of document.querySelectorAll(".film")) {
  const frames = [...film.querySelectorAll("tr[data-epoch]")];
  const [play, range, told, all] = film.querySelector(".player").children;
  let timer = 0, now = frames.length - 1;
  const show = (n) => {
    now = n;
    frames.forEach((frame, i) => frame.classList.toggle("now", i === n));
    range.value = n;
    told.textContent = `epoch ${frames[n].dataset.epoch}`;
    range.setAttribute("aria-valuetext", told.textContent);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "play";
  };
  const start = () => {
    show(now + 1 < frames.length ? now : 0);
    timer = setInterval(() => (now + 1 < frames.length ? show(now + 1) : stop()), 400);
    play.textContent = "pause";
  };
  range.max = now;
  range.addEventListener("input", () => (stop(), show(Number(range.value))));
  play.addEventListener("click", () => (timer ? stop() : start()));
  all.addEventListener("click", () => {
    stop();
    const one = film.classList.toggle("one");
    all.setAttribute("aria-pressed", String(!one));
  });
  stop();
  show(now);
  film.classList.add("live", "one");
}
