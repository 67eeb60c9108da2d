# docker build -t chainpolicy .
# docker run --rm -it chainpolicy            # make regenerate
# docker run --rm -it chainpolicy make test
FROM python:3.11

WORKDIR /chainpolicy
# What is installed depends on these alone, and is built anew only if they change.
COPY Makefile pyproject.toml requirements.lock README.md LICENSE ./
COPY src src
RUN make

COPY . .
CMD ["make", "regenerate"]
