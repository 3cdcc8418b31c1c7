"""What lives as long as the process is kept out of the garbage collector's way."""

import gc


def settle_down() -> None:
    """Take everything that was loaded out of the collector's sight. Call it once, when all is there.

    ccxt alone brings some 200,000 objects. A full collection over them stops the event loop for 60 to 150 ms, which an
    arm or a flatten would have to pay for; afterwards it takes less than one.
    """
    gc.collect()
    gc.freeze()
