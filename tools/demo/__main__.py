"""`python -m demo`."""

from demo.signals import end_at_once_on_any

if __name__ == "__main__":
    end_at_once_on_any()
    from demo.main import main

    main()
