// GStreamer's RTSP server, where the system has it: an independent judge of our client.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

const python = "/usr/bin/python3";

const check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";

/** For `test(name, { skip: gstreamerMissing }, …)`. */
export const gstreamerMissing: false | string =
  spawnSync(python, ["-c", check]).status === 0
    ? false
    : "needs GStreamer's RTSP server (Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-bad)";

const script = `
import sys, gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer
Gst.init(None)
launch, protocols, methods = sys.argv[1:]
server = GstRtspServer.RTSPServer.new()
server.set_address('127.0.0.1')
server.set_service('0')
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(launch)
factory.set_protocols({'tcp': GstRtsp.RTSPLowerTrans.TCP, 'udp': GstRtsp.RTSPLowerTrans.UDP}[protocols])
if methods:
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'user')
    if methods == 'digest':
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest('user', 'pass word', token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic('user', 'pass word'), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role('user', 'media.factory.access', True)
    permissions.add_permission_for_role('user', 'media.factory.construct', True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory('/stream', factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
`;

export interface GstreamerServer {
  /** `127.0.0.1:<port>/stream` */
  readonly place: string;
  close(): Promise<void>;
}

/** Serves a pipeline whose payloaders are called `pay0` and so on; `user` with `pass word` where it wants to know. */
export async function openGstreamer(
  launch: string,
  o: { readonly carrier: "tcp" | "udp"; readonly wants?: "basic" | "digest" },
): Promise<GstreamerServer> {
  const child = spawn(python, ["-c", script, launch, o.carrier, o.wants ?? ""], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(child.stdout, "data");
  return {
    place: `127.0.0.1:${String(line).trim()}/stream`,
    async close() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
