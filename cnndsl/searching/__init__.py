"""Search: many trainings of one net on one data set, each with other values of what is varied.

A `Search` says what is tried (`search.py`); the `Study` keeps which trials there are and what came
of them (`study.py`, Optuna's door); a worker does trial after trial (`worker.py`), and `running.py`
sees that all are done, by one worker or several.
"""
