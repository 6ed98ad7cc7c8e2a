// Sends mails with nodemailer: node send.js NODEMAILER PORT JOBS
// JOBS is a JSON list; a job has the options of sendMail, or `tree`, the parts of a whole mail.
const [, , nodemailerPath, port, jobs] = process.argv;
const fs = require("fs");
const nodemailer = require(nodemailerPath);
const MimeNode = require(nodemailerPath + "/lib/mime-node");

function made(one, parent) {
  const filename = one.name || undefined;
  const node = parent
    ? parent.createChild(one.kind, { filename })
    : new MimeNode(one.kind, { filename });
  if (one.disposition) node.setHeader("Content-Disposition", one.disposition);
  if (one.cid) node.setHeader("Content-Id", `<${one.cid}>`);
  if (!one.parts.length) node.setContent(one.file ? fs.readFileSync(one.file) : one.text);
  one.parts.forEach((part) => made(part, node));
  return node;
}

async function main() {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1", port, secure: false, ignoreTLS: true, pool: true, maxConnections: 1,
  });
  for (const job of JSON.parse(fs.readFileSync(jobs))) {
    const { tree, ...options } = job;
    if (tree) {
      const root = made(tree);
      root.setHeader({ from: job.from, to: job.to, subject: job.subject });
      options.raw = await root.build();
      options.envelope = { from: job.from, to: [job.to] };
    }
    await transport.sendMail(options);
  }
  transport.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
