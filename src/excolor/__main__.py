"""`python -m excolor` is `excolor`."""

from excolor.cli.main import run

if __name__ == "__main__":
    run("excolor")
