"""May a challenger replace the champion? The policy, its bars, and the verdict on a pair."""
