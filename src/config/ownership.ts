/** Whether other users of the machine can change a file that says who may do what. Windows has no such modes. */
export const othersCanWrite = ({ mode }: { mode: number }) =>
  process.getuid !== undefined && (mode & 0o022) !== 0
