pytest_plugins = ["monitor.testing"]  # the fixtures monitor_store and monitor_now
