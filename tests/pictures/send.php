<?php
// Sends mails with PHPMailer: php send.php AUTOLOAD PORT JOBS
// JOBS is a JSON list; how a picture is put in is a method of PHPMailer, or `html` for msgHTML.
[, $autoload, $port, $jobs] = $argv;
require $autoload;

foreach (json_decode(file_get_contents($jobs), true) as $job) {
    $mail = new PHPMailer\PHPMailer\PHPMailer(true);
    $mail->isSMTP();
    $mail->Host = "127.0.0.1";
    $mail->Port = (int) $port;
    $mail->SMTPAutoTLS = false;
    $mail->setFrom($job["from"]);
    $mail->addAddress($job["to"]);
    $mail->Subject = $job["subject"];
    $shown = "";
    foreach ($job["pictures"] as $at => $file) {
        $name = basename($file);
        if ($job["how"] === "addAttachment") {
            $mail->addAttachment($file);
        } elseif ($job["how"] === "addEmbeddedImage") {
            $mail->addEmbeddedImage($file, "picture$at");
            $shown .= "<img src=\"cid:picture$at\">";
        } elseif ($job["how"] === "addStringEmbeddedImage") {
            // Many call a picture by its file name, with all that is in it.
            $mail->addStringEmbeddedImage(file_get_contents($file), "Büro $name ($at)", $name);
            $shown .= "<p style=\"background:url(&quot;cid:Büro $name ($at)&quot;)\"></p>"
                . "<img src='cid:Büro $name ($at)'>";
            $mail->CharSet = "utf-8";
            $mail->Encoding = "base64";
        } else {
            $shown .= "<img src=\"$name\">";
        }
    }
    $html = "<p>Please see the pages.</p>$shown";
    if ($job["how"] === "html") {
        $mail->msgHTML($html, dirname($job["pictures"][0]));
    } elseif ($shown !== "") {
        $mail->isHTML(true);
        $mail->Body = $html;
        $mail->AltBody = "Please see the pages.";
    } else {
        $mail->Body = "Please see the pages.";
    }
    foreach ($job["files"] as $file) {
        $mail->addAttachment($file);
    }
    $mail->send();
}
