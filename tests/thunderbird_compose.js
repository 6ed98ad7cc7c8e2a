// Writes a mail in a composer of Thunderbird's own and presses Send; run by Marionette in its chrome.
// arguments: the job (to, subject, html, signature, attached), and the function to call at the end.
const [job, done] = [arguments[0], arguments[arguments.length - 1]];
const until = async (met, what) => {
  for (let waited = 0; !met(); waited += 50) {
    if (waited > 20000) throw new Error("waited in vain: " + what());
    await new Promise(passed => setTimeout(passed, 50));
  }
};
(async () => {
  const { MailServices } =
    ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const identity = MailServices.accounts.allIdentities[0];
  identity.htmlSigText = job.signature;
  const make = (kind, face) =>
    Cc["@mozilla.org/messengercompose/" + kind + ";1"].createInstance(face);
  const fields = make("composefields", Ci.nsIMsgCompFields);
  fields.to = job.to;
  fields.subject = job.subject;
  for (const file of job.attached) {
    const attachment = make("attachment", Ci.nsIMsgAttachment);
    attachment.url = file.url;
    attachment.name = file.name;
    fields.addAttachment(attachment);
  }
  const params = make("composeparams", Ci.nsIMsgComposeParams);
  params.type = Ci.nsIMsgCompType.New;
  params.format = Ci.nsIMsgCompFormat.HTML;
  params.composeFields = fields;
  params.identity = identity;
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  const latest = () => Services.wm.getMostRecentWindow("msgcompose");
  await until(() => latest()?.composeEditorReady, () => "composer");
  const composer = latest();
  const editor = composer.GetCurrentEditor();
  editor.QueryInterface(Ci.nsIHTMLEditor);
  editor.beginningOfDocument();
  editor.insertHTML(job.html);
  const images = [...editor.document.images];
  await until(() => images.every(image => image.complete && image.naturalWidth),
    () => images.filter(image => !image.naturalWidth).map(image => image.outerHTML.slice(0, 200)));
  composer.gContentChanged = true;
  await composer.GenericSendMessage(Ci.nsIMsgCompDeliverMode.Now);
  await until(() => composer.closed, () => "sending");
  return "sent";
})().then(done, error => done("failed: " + error + " " + error.stack));
