"""What each operation is: its shape rule, its derivative, its meaning. One record each, by subject."""
