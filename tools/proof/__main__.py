"""`python -m proof`."""

from proof.main import main

if __name__ == "__main__":
    main()
