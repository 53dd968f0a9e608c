"""The page in the browser to place hints: a server for one person on this machine, and what it serves.

`security` guards every request, `uploads` keeps what the browser sends, `session` is what the person chose, `studio`
what was computed for it, `previews` what the browser is shown, `results` and `commands` what the command line would
make of the same choices. `app` and `pictures` answer requests with them, and `server` runs it.

Needs Starlette and uvicorn, the extra `serve`.
"""
