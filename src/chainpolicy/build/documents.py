"""An executed notebook -> a document without code: Markdown, HTML in one file, PDF."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from chainpolicy.build.notebooks import Executed
from chainpolicy.figures import Shown
from chainpolicy.figures.style import StudyFigure, vector_bytes
from chainpolicy.typeset.claims import Claims
from chainpolicy.typeset.markdown import headings, page, to_html
from chainpolicy.typeset.pdf import to_pdf


@dataclass(frozen=True)
class Document:
    """A text and the pictures that it shows.

    Attributes
    ----------
    text : str
        Markdown.
    figures : dict of str to StudyFigure
        By the target under which the text shows them.
    """

    text: str
    figures: dict[str, StudyFigure]

    def to_pdf(self) -> bytes:
        """Set the document, with its pictures as vectors."""
        drawn = {target: vector_bytes(figure, "svg") for target, figure in self.figures.items()}
        return to_pdf(self.text, drawn)

    def to_html(self) -> str:
        """Write the document as one file that loads nothing."""
        link = {
            target: f"data:image/png;base64,{base64.b64encode(figure.png()).decode()}"
            for target, figure in self.figures.items()
        }
        body = to_html(self.text, lambda target: link.get(target, target))
        title = next((text for _, text in headings(self.text)), "")
        return page(title, body)


def document(executed: Executed, folder: str = "") -> Document:
    """Leave the code of a notebook out: prose, tables, and figures with their captions.

    Parameters
    ----------
    folder : str, optional
        What stands before ``figures/`` in the targets of pictures, such as ``../``.

    Returns
    -------
    Document
        Claims are checked when the notebook is executed; the document does not repeat them.
    """
    parts: list[str] = []
    figures: dict[str, StudyFigure] = {}
    for index, cell in enumerate(executed.notebook.cells):
        value: Any = executed.values.get(index)
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif isinstance(value, Claims):
            continue
        elif isinstance(value, Shown):
            if value.figure is None:
                continue
            target = f"{folder}figures/{value.name}.png"
            figures[target] = value.figure
            parts.append(f"![{value.figure.description}]({target})")
            parts.append(f"*{value.caption}*" if value.caption else "")
        elif (text := executed.markdown(index)) is not None:
            parts.append(text)
    return Document("\n\n".join(filter(None, parts)) + "\n", figures)
