"""`python -m latentarium` is the command line."""

from latentarium.cli import main

if __name__ == "__main__":
    main()
