# SPDX-License-Identifier: MIT
"""nginx, HAProxy and nghttpx, each as one process of a test's own between a client and a server that speak
gRPC in the clear. A program that is not installed: the suite skips."""
import os
import shutil
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../peers'))
import harness

# So long that no call of a test meets it.
LONG = '900s'

NGINX = '''
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} http2;
        client_max_body_size 0;
        client_body_timeout {long};
        send_timeout {long};
        grpc_read_timeout {long};
        grpc_send_timeout {long};
        location / {{ grpc_pass grpc://{backend}; }}
    }}
}}
'''

HAPROXY = '''
global
    maxconn 256
defaults
    mode http
    timeout connect 5s
    timeout client {long}
    timeout server {long}
frontend front
    bind 127.0.0.1:{port} proto h2
    default_backend back
backend back
    server one {backend} proto h2
'''

NGHTTPX = '''
frontend=127.0.0.1,{port};no-tls
backend={backend_host},{backend_port};;proto=h2
single-process=yes
workers=1
accesslog-file=/dev/null
errorlog-file=/dev/stderr
pid-file={folder}/pid
frontend-http2-read-timeout={long}
stream-read-timeout={long}
stream-write-timeout={long}
backend-read-timeout={long}
'''

# What is run, its configuration, and how it is told of that.
KINDS = {
    'nginx': (NGINX, lambda folder, file: ['-p', folder, '-c', file]),
    'haproxy': (HAPROXY, lambda folder, file: ['-db', '-f', file]),
    'nghttpx': (NGHTTPX, lambda folder, file: ['--conf=' + file]),
}


def program(kind):
    """Where it is; administrators' programs are not in everybody's PATH."""
    return shutil.which(kind, path=os.environ.get('PATH', '') + ':/usr/local/sbin:/usr/sbin:/sbin')


def skip_without(kind):
    if program(kind) is None:
        print('proxies: skipped, no %s' % kind)
        sys.exit(77)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


class Proxy(harness.Program):
    """One that listens on `address` and passes on to a backend."""

    def __init__(self, kind, backend):
        for _ in range(5):  # somebody else may take the port in between
            self.start(kind, backend, free_port())
            if harness.until(self.is_decided, '%s to listen' % kind) == 'listens':
                return
            self.kill()
        raise AssertionError('%s did not start: %s' % (kind, self.said()))

    def start(self, kind, backend, port):
        template, arguments = KINDS[kind]
        self.port = port
        self.address = '127.0.0.1:%d' % port
        self.folder = tempfile.TemporaryDirectory()
        host, backend_port = backend.rsplit(':', 1)
        file = os.path.join(self.folder.name, 'config')
        with open(file, 'w') as out:
            out.write(template.format(folder=self.folder.name, port=port, backend=backend, long=LONG,
                                      backend_host=host, backend_port=backend_port))
        super().__init__(program(kind), *arguments(self.folder.name, file))

    def is_decided(self):
        if self.process.poll() is not None:
            return 'ended'
        return 'listens' if accepts(self.port) else None

    def kill(self):
        super().kill()
        self.folder.cleanup()
