"""What a run looked like: curves, the confusion matrix, the worst errors, a page with them all."""
