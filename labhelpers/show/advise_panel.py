"""A panel for `golab advise`: name a package, watch it build and start, get the answer.

The work runs in a thread (advise_run.py), and what it says is put into the values of HTML widgets.
Where widgets do not run, the panel shows its fields as text, and the last answer if there is one.
"""

from html import escape
from typing import Any

import ipywidgets as widgets  # type: ignore[import-untyped]

from labhelpers.advice.answer import Advice
from labhelpers.build import Binary
from labhelpers.show.advice_html import answer_fragment
from labhelpers.show.advice_text import advice_text, megabytes
from labhelpers.show.advise_run import WHENS, AdviseRun, Asked, Told
from labhelpers.show.anatomy_text import clean

BUSY = "Another panel of this notebook is measuring; two at once would measure each other. Stop it "
BUSY += "there or wait for its end, then start this one."
EXAMPLES = {"tcp": "8080 or 127.0.0.1:8080", "http": "http://127.0.0.1:8080/"}


class AdvisePanel(widgets.VBox):  # type: ignore[misc]
    """Fields, two buttons, the progress, and the answer.

    `result` is the last answer, `run` the run that gave it or is under way.
    """

    def __init__(self, default: str, **options: Any) -> None:  # noqa: ANN401
        """Take the package that stands there first, and further fields of each Question."""
        self.options = options
        self.run: AdviseRun | None = None
        wide = widgets.Layout(width="min(40rem, 98%)")
        style = {"description_width": "7rem"}

        def field(label: str, **more: Any) -> widgets.Text:  # noqa: ANN401
            return widgets.Text(description=label, layout=wide, style=style, **more)

        places = "hello, a folder, or example.com/tool@v1.2.3"
        self.package = field("Package", value=default, placeholder=places)
        self.arguments = field("Arguments", placeholder="as typed after the program's name")
        self.when = widgets.Dropdown(
            options=[(words, name) for name, words in WHENS.items()],
            description="A start is done",
            layout=wide,
            style=style,
        )
        self.address = field("Port or URL", disabled=True)
        self.start_button = widgets.Button(
            description="Build and measure",
            button_style="primary",
            icon="play",
            layout=widgets.Layout(width="auto"),
        )
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.command = widgets.HTML()
        self.progress = widgets.HTML()
        self.builds = widgets.HTML()
        self.answer = widgets.HTML()
        self._built: list[str] = []
        self.start_button.on_click(self._start)
        self.stop_button.on_click(self._stop)
        for one in (self.package, self.arguments, self.when, self.address):
            one.observe(self._filled_in, names="value")
        self._filled_in()
        super().__init__(
            [
                self.package,
                self.arguments,
                self.when,
                self.address,
                self.command,
                widgets.HBox([self.start_button, self.stop_button]),
                self.progress,
                self.answer,
                self.builds,
            ]
        )

    @property
    def asked(self) -> Asked:
        """What is filled in."""
        fields = (self.package, self.arguments, self.when, self.address)
        return Asked(*(field.value.strip() for field in fields))

    @property
    def result(self) -> Advice | None:
        """The answer of the last run, None while there is none."""
        return self.run.result if self.run else None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of the run under way; return whether it has ended."""
        return self.run is None or self.run.wait(seconds)

    def _filled_in(self, _: object = None) -> None:
        self.address.disabled = self.when.value not in EXAMPLES
        self.address.placeholder = EXAMPLES.get(self.when.value, "")
        line = escape(clean(self.asked.command(), 1000))
        self.command.value = f"The same in a terminal: <code>{line}</code>"

    def _start(self, _: object) -> None:
        if self.run and not self.run.wait(0):
            self._say("It is running already: stop it first, or wait for its end.", "#8a4b00")
            return
        run = AdviseRun(self.asked, self._hear, self._list, **self.options)
        before, self.run = self.run, run
        self.start_button.disabled, self.stop_button.disabled = True, False
        self.answer.value = self.builds.value = ""
        self._built = []
        if not run.start():
            self.run = before
            self._ended()
            self._say(BUSY, "#8a4b00")

    def _stop(self, _: object) -> None:
        if self.run:
            self.stop_button.disabled = True
            self._say("Stopping …")
            self.run.stop()

    def _hear(self, told: Told) -> None:
        """Show how far the run is; this is called in its thread."""
        run = self.run
        if run is None or (run.stopping.is_set() and not told.ended):
            return
        if told.ended:
            if run.result:
                self.answer.value = answer_fragment(run.result)
            self._say(told.words, "#a00000" if run.failure else "")
            self._ended()
        else:
            self._say(told.words, bar=(told.done, told.whole))

    def _list(self, binary: Binary) -> None:
        """Add a build to the list of them; this is called in the run's thread."""
        text = f"{megabytes(binary.bytes)}, built in {binary.seconds:.1f} s"
        if binary.error:
            text = f"does not build: {binary.error}"
        self._built.append(f"<li><b>{binary.config}</b>: {escape(clean(text, 400))}</li>")
        self.builds.value = f'<ul role="log" style="margin: 0">{"".join(self._built)}</ul>'

    def _ended(self) -> None:
        self.start_button.disabled, self.stop_button.disabled = False, True

    def _say(self, words: str, colour: str = "", bar: tuple[int, int] | None = None) -> None:
        text = escape(clean(words, 1000))
        if bar and bar[1]:
            text = (
                f'<label>{text} <progress value="{bar[0]}" max="{bar[1]}" '
                'style="width: min(20rem, 60%)"></progress></label>'
            )
        style = f' style="color: {colour}"' if colour else ""
        self.progress.value = f'<div role="status"{style}>{text}</div>'

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the widget, and beside it what is shown where widgets do not run."""
        found: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {**found, "text/html": self.picture(), "text/plain": self.text()}

    def text(self) -> str:
        """Return the panel as text."""
        told = f"Panel of golab advise. In a terminal: {self.asked.command()}"
        return f"{told}\n\n{advice_text(self.result)}" if self.result else told

    def picture(self) -> str:
        """Return the panel as HTML that needs nothing and does nothing."""
        asked = self.asked
        rows = [
            ("Package", asked.package),
            ("Arguments", asked.arguments or "none"),
            ("A start is done", f"{WHENS[asked.when]} {asked.address}".strip()),
        ]
        body = "".join(
            f'<tr><th scope="row" style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: left">{escape(clean(text))}</td></tr>'
            for name, text in rows
        )
        answer = answer_fragment(self.result) if self.result else ""
        return (
            "<p>A panel; its fields and buttons work where this notebook runs (JupyterLab, "
            f"Binder).</p><table><tbody>{body}</tbody></table>"
            "<p>[▶ Build and measure] [■ Stop]</p><p>The same in a terminal: "
            f"<code>{escape(clean(asked.command(), 1000))}</code></p>{answer}"
        )


def advise_panel(default: str = "hello", **options: Any) -> AdvisePanel:  # noqa: ANN401
    """Return a panel that asks which steps help a program.

    Args:
        default: the package that stands there first.
        options: fields of `Question` beside those of the panel: seconds, rounds, caches, folder …
    """
    return AdvisePanel(default, **options)
