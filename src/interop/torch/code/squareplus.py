def squareplus(x, b):
    return (x + torch.sqrt(x * x + b)) / 2
