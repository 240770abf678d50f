"""What any command-line program needs: processes, locks, threads, settings files, errors."""
