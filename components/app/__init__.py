"""The app: api, worker, dashboard and the migrations before them."""
