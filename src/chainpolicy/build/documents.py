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
    parts : dict of int to str
        Markdown of each cell that a document shows, by the cell's place.
    figures : dict of str to StudyFigure
        By the target under which the text shows them.
    """

    parts: dict[int, str]
    figures: dict[str, StudyFigure]

    @property
    def text(self) -> str:
        """The whole as Markdown."""
        return "\n\n".join(filter(None, self.parts.values())) + "\n"

    def vectors(self) -> dict[str, bytes]:
        """Render the pictures as SVG, by their targets."""
        return {target: vector_bytes(figure, "svg") for target, figure in self.figures.items()}

    def to_pdf(self) -> bytes:
        """Set the document, with its pictures as vectors."""
        return to_pdf(self.text, self.vectors())

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
    parts: dict[int, str] = {}
    figures: dict[str, StudyFigure] = {}
    for index, cell in enumerate(executed.notebook.cells):
        value: Any = executed.values.get(index)
        if cell.cell_type == "markdown":
            parts[index] = cell.source
        elif isinstance(value, Claims):
            continue
        elif isinstance(value, Shown):
            if value.figure is None:
                continue
            target = f"{folder}figures/{value.name}.png"
            figures[target] = value.figure
            picture = f"![{value.figure.description}]({target})"
            parts[index] = f"{picture}\n\n*{value.caption}*" if value.caption else picture
        elif (text := executed.markdown(index)) is not None:
            parts[index] = text
    return Document(parts, figures)
