"""Text to vectors, and vectors to a searchable index; knows strings and arrays, never documents."""

import os

# Read by numpy's BLAS when it is loaded. Its products are small here, and its default threads wait for each other:
# beside other work on two cores a question took up to 1,500 ms with them, and up to 160 ms with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
