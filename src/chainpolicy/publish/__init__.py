"""What has been built -> pages for readers: a static site, an article as PDF, one file to send."""
