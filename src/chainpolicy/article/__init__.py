"""An article's text, and the dated statements in it."""

from chainpolicy.article.dates import Precision
from chainpolicy.article.reading import Article, read_article
from chainpolicy.article.statements import Extraction, Statement, dated_statements

__all__ = [
    "Article",
    "Extraction",
    "Precision",
    "Statement",
    "dated_statements",
    "read_article",
]
