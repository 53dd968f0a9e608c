"""`python -m excolor` is `excolor`."""

from excolor.cli.main import main

if __name__ == "__main__":
    main(prog_name="excolor")
