"""What a version shows beside its accuracy, for its report and card: each part a pure function of what it answered."""
