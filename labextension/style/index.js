import './base.css';
import './keys.css';
import './services.css';
import './chat.css';
import './status.css';
