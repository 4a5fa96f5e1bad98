"""Networks that several tests look at."""

import chainrule as cr


def two_layer(x: "n", y: "m", W1: "h n", W2: "m h"):
    z = W1 @ x
    u = cr.sigmoid(z)
    yhat = W2 @ u
    L = cr.sum((yhat - y) ** 2)
    return L


def one_output(x: "n", y: "", W1: "h n", b1: "h", w2: "h", b2: ""):
    z1 = W1 @ x + b1
    a1 = cr.sigmoid(z1)
    a2 = w2 @ a1 + b2
    yhat = cr.sigmoid(a2)
    J = -y * cr.log(yhat) - (1 - y) * cr.log(1 - yhat)
    return J


def classifier(X: "n d", y: "int[n]", W1: "d h", b1: "h", W2: "h k", b2: "k"):
    H = cr.relu(X @ W1 + b1)
    P = cr.softmax(H @ W2 + b2)
    N = X.shape[0]
    return -cr.sum(cr.log(P[cr.arange(N), y])) / N


def soft_classifier(X: "n d", Y: "n k", W: "d k"):
    return -cr.mean(cr.sum(Y * cr.log_softmax(X @ W), axis=1))


def attention(Q: "n d", K: "m d", V: "m k"):
    A = cr.softmax(Q @ K.T / cr.sqrt(Q.shape[1]))
    return cr.mean((A @ V) ** 2)


def layer_norm(X: "n d", gamma: "d", beta: "d"):
    centred = X - cr.mean(X, axis=1, keepdims=True)
    return cr.sum(cr.tanh(centred / cr.sqrt(cr.var(X, axis=1, keepdims=True) + 1e-5) * gamma + beta))


def assorted(X: "n d", Y: "n d", w: "d"):
    a = cr.norm(X, axis=1) + cr.logsumexp(Y, axis=1)
    b = cr.max(X * w, axis=0) + cr.gelu(w) ** 3
    c = cr.leaky_relu(cr.softplus(X) - Y, 0.1) + cr.where(X > Y, cr.abs(X), cr.maximum(X, w))
    return cr.sum(a) * cr.sum(b) + cr.mean(cr.exp(-c)) + cr.sum(cr.outer(w, b)) + cr.einsum("nd,nd->", X, Y)


NETWORKS = [two_layer, classifier, soft_classifier, attention, layer_norm, assorted]
