// The plainest relay there could be, in C: a group joined for each viewer, the RTP header taken off, the rest sent on.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const source = String.raw`
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <signal.h>

#define MOST 64
static int viewer[MOST], group[MOST], count;
static const char none[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n";

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  int poll = epoll_create1(0), one = 1, door = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  inet_aton("127.0.0.1", &at.sin_addr);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(door, (void *)&at, sizeof at) || listen(door, 64)) return 1;
  struct epoll_event want = {.events = EPOLLIN, .data.u32 = MOST}, got[16];
  epoll_ctl(poll, EPOLL_CTL_ADD, door, &want);
  for (;;) {
    int n = epoll_wait(poll, got, 16, -1);
    for (int i = 0; i < n; i++) {
      unsigned k = got[i].data.u32;
      if (k == MOST) {
        char text[2048], address[32];
        int port, v = accept(door, 0, 0);
        int length = read(v, text, sizeof text - 1);
        if (length <= 0 || count == MOST) { close(v); continue; }
        text[length] = 0;
        if (sscanf(text, "GET /%31[0-9.]/%d", address, &port) != 2) {
          write(v, none, sizeof none - 1); close(v); continue;
        }
        int g = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct ip_mreq join;
        inet_aton(address, &to.sin_addr);
        join.imr_multiaddr = to.sin_addr;
        inet_aton("127.0.0.1", &join.imr_interface);
        setsockopt(g, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(g, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        bind(g, (void *)&to, sizeof to);
        setsockopt(g, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
        write(v, head, sizeof head - 1);
        viewer[count] = v, group[count] = g;
        struct epoll_event more = {.events = EPOLLIN, .data.u32 = count++};
        epoll_ctl(poll, EPOLL_CTL_ADD, g, &more);
        continue;
      }
      unsigned char packet[2048];
      ssize_t length = recv(group[k], packet, sizeof packet, MSG_DONTWAIT);
      if (length < 12) continue;
      int from = packet[0] == 0x47 ? 0 : 12 + 4 * (packet[0] & 15);
      if (from && (packet[0] & 16)) from += 4 + 4 * (packet[from + 2] << 8 | packet[from + 3]);
      // Who has left is told by nothing: its group goes with it.
      if (send(viewer[k], packet + from, length - from, MSG_DONTWAIT) < 0 && errno != EAGAIN) {
        close(viewer[k]);
        close(group[k]);
      }
    }
  }
}
`;

/** Compiles it. @returns where it is; undefined: there is no C compiler here */
export async function compileRelay(folder: string): Promise<string | undefined> {
  const from = join(folder, "relay.c");
  const to = join(folder, "relay");
  await writeFile(from, source);
  const compiler = spawn("cc", ["-O2", "-w", "-o", to, from], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await Promise.race([once(compiler, "close"), once(compiler, "error")])) as [unknown];
  return code === 0 ? to : undefined;
}
