"""Principal components and singular values from the Gram matrix."""
