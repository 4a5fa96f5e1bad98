"""Networks that several tests look at."""

import chainrule as cr


def two_layer(x: "n", y: "m", W1: "h n", W2: "m h"):
    z = W1 @ x
    u = cr.sigmoid(z)
    yhat = W2 @ u
    L = cr.sum((yhat - y) ** 2)
    return L
