/** A cable between one device and the hub that can be pulled: a browser's own "offline" leaves open streams as they are. */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

export class Cable {
  readonly address: string;
  #server: Server;
  #sockets = new Set<Socket>();
  #whole = true;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Lays a cable to the hub at `address`. */
  static async lay(address: string): Promise<Cable> {
    const port = Number(new URL(address).port);
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const cable = new Cable(server);
    server.on('connection', (near) => cable.#join(near, connect({ port, host: '127.0.0.1', noDelay: true })));
    return cable;
  }

  /** Whatever is on its way is lost, and nothing new comes through. */
  pull(): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  plugIn(): void {
    this.#whole = true;
  }

  remove(): void {
    this.pull();
    this.#server.close();
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      // A socket that is torn away says so; that is what a cable is pulled for.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    if (!this.#whole) return void near.destroy();
    near.pipe(far);
    far.pipe(near);
  }
}
