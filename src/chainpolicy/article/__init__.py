"""An article's text, the dated statements in it, and what its dates would have found."""

from chainpolicy.article.dates import Precision
from chainpolicy.article.event_dates import article_date_caars, article_shifts
from chainpolicy.article.reading import Article, read_article
from chainpolicy.article.statements import Extraction, Statement, dated_statements

__all__ = [
    "Article",
    "Extraction",
    "Precision",
    "Statement",
    "article_date_caars",
    "article_shifts",
    "dated_statements",
    "read_article",
]
