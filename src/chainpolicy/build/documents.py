"""An executed notebook -> a document without code: Markdown, HTML in one file, PDF."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from chainpolicy.build.notebooks import Executed
from chainpolicy.figures import Shown
from chainpolicy.figures.style import vector_bytes
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
    svg, png : dict of str to bytes
        Pictures by the target under which the text shows them.
    """

    text: str
    svg: dict[str, bytes]
    png: dict[str, bytes]

    def to_pdf(self) -> bytes:
        """Set the document, with its pictures as vectors."""
        return to_pdf(self.text, self.svg)

    def to_html(self) -> str:
        """Write the document as one file that loads nothing."""
        link = {
            name: f"data:image/png;base64,{base64.b64encode(content).decode()}"
            for name, content in self.png.items()
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
    svg: dict[str, bytes] = {}
    png: dict[str, bytes] = {}
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
            svg[target], png[target] = vector_bytes(value.figure, "svg"), value.figure.png()
            parts.append(f"![{value.figure.description}]({target})")
            parts.append(f"*{value.caption}*" if value.caption else "")
        elif (text := executed.markdown(index)) is not None:
            parts.append(text)
    return Document("\n\n".join(filter(None, parts)) + "\n", svg, png)
