// The API's documentation, from files of this server only: no validator of another host.
const place = document.getElementById("api-docs");
window.SwaggerUIBundle({ url: place.dataset.spec, domNode: place, deepLinking: true, validatorUrl: null });
