def sparse_sigmoid(x):
    return ((x + 1) / 2).clamp(0, 1)
