"""Text to vectors, and vectors to a searchable index; knows strings and arrays, never documents."""

import os

# Read by numpy's BLAS when it is loaded. Its products are small here, and with its default threads a question takes 50 ms
# alone and 1,500 ms beside other work, since the threads wait for each other; with one it takes 50 to 160 ms.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
