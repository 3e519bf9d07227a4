def bounded_relu(x, slope, maximum, threshold):
    return torch.where(x > threshold, x.clamp(0, maximum), slope * (x - threshold))
